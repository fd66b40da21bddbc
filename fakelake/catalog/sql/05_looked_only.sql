-- Of a video of which the recipe looked at its beginning alone (Recipe.max_frames): how far, in words; NULL for a whole one.
-- A twentieth is left to containers that count other frames than decoders give.
CREATE OR REPLACE MACRO looked_only(frames_read, frames, duration_s) AS
    CASE WHEN frames_read < 0.95 * frames AND duration_s * (1 - frames_read / frames) > 0.5
         THEN format('only the first {:.1f} of {:.1f} s were looked at', duration_s * frames_read / frames, duration_s) END;
