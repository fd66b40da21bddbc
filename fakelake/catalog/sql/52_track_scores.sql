-- One row a track, recipe and version of the detector: its windows made one, as the version's calibration says.
--   mean: their mean;  max: the highest;  top: the mean of the highest half, rounded up
-- Of windows that say the same, to a billionth, the earliest is the worst.
-- Only `top` fills its lists: others would lose a third of their time to them. `is_champion` comes from the small side
-- of the joins, so that a condition on it reaches the scan of `scores`.
-- relation: `scores`, or a view with its columns
CREATE OR REPLACE MACRO track_scores_of(relation) AS TABLE
SELECT s.video_id, s.recipe_id, s.model_version, k.is_champion, s.track_id,
       CASE coalesce(k.how, 0)
           WHEN 0 THEN avg(s.logit)
           WHEN 1 THEN max(s.logit)
           WHEN 2 THEN list_avg(list_reverse_sort(
               list(s.logit) FILTER (k.how = 2 AND s.logit IS NOT NULL)
           )[:(count(s.logit) + 1) // 2])
       END AS logit,
       arg_max(s.start_s, s.logit - 1e-9 * s.start_s) AS worst_second, count(s.logit) AS windows,
       any_value(s.reason) AS reason, max(s.scored_at) AS scored_at
FROM (FROM query_table(relation) WHERE model = 'detector') AS s LEFT JOIN (
    SELECT model_version, is_champion,
           CASE aggregation WHEN 'mean' THEN 0 WHEN 'max' THEN 1 WHEN 'top' THEN 2 ELSE 9 END AS how
    FROM current_calibrations
) AS k USING (model_version)
GROUP BY s.video_id, s.recipe_id, s.model_version, k.is_champion, k.how, s.track_id;
CREATE OR REPLACE VIEW track_scores AS FROM track_scores_of('scores');
COMMENT ON VIEW track_scores IS 'Per track, recipe and version of the detector: the windows'' logits made one';
