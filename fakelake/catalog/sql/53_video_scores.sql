-- One row a video, recipe and version of the detector: of its tracks the highest, and p_fake as the version's
-- calibration says: sigmoid(logit / temperature), written so that no exp overflows.
CREATE OR REPLACE MACRO video_scores_of(relation) AS TABLE
WITH whole AS (
    SELECT video_id, recipe_id, model_version, is_champion, max(logit) AS logit,
           arg_max(track_id, logit - 1e-9 * track_id) AS worst_track,
           arg_max(worst_second, logit - 1e-9 * track_id) AS worst_second,
           sum(windows)::BIGINT AS windows, any_value(reason) AS reason, max(scored_at) AS scored_at
    FROM track_scores_of(relation) GROUP BY video_id, recipe_id, model_version, is_champion
), cooled AS (
    SELECT whole.*, logit / coalesce(temperature, 1) AS x
    FROM whole LEFT JOIN (SELECT model_version, temperature FROM current_calibrations) USING (model_version)
)
SELECT video_id, recipe_id, model_version, coalesce(is_champion, false) AS is_champion, logit,
       exp(least(x, 0)) / (1 + exp(-abs(x))) AS p_fake, worst_track, worst_second, windows, reason, scored_at
FROM cooled;
CREATE OR REPLACE VIEW video_scores AS FROM video_scores_of('scores');
COMMENT ON VIEW video_scores IS 'Per video, recipe and version of the detector: the highest track, and p_fake';
