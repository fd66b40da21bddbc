-- What every version ever said of a video, read with that version's own latest calibration. Rescoring adds rows here.
CREATE OR REPLACE VIEW score_history AS
SELECT video_id, model_version, recipe_id, p_fake, logit, worst_track, worst_second, windows, reason, is_champion, scored_at
FROM video_scores;
COMMENT ON VIEW score_history IS 'What every version of the detector ever said of a video';
