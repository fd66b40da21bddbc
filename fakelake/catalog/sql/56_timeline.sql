-- Every window of the version that speaks for its video, of several recipes the latest scored. No window is grouped for
-- videos of one recipe, so that a question about one video stays one short read.
CREATE OR REPLACE VIEW timeline AS
WITH cooled AS (
    SELECT s.*, s.logit / coalesce(k.temperature, 1) AS x
    FROM verdict_windows AS s
    LEFT JOIN (SELECT video_id, recipe_id AS latest FROM champion_recipes) USING (video_id)
    LEFT JOIN (SELECT model_version, temperature FROM current_calibrations) AS k USING (model_version)
    WHERE s.logit IS NOT NULL AND coalesce(latest, s.recipe_id) = s.recipe_id
), places AS (
    SELECT video_id, arg_max(name, seen_at) AS name FROM sources GROUP BY video_id
)
SELECT c.video_id, p.name, c.track_id, c."window", c.start_s, c.end_s, c.logit,
       exp(least(x, 0)) / (1 + exp(-abs(x))) AS p_fake
FROM cooled AS c LEFT JOIN places AS p USING (video_id);
COMMENT ON VIEW timeline IS 'Every window behind a verdict: where in a video the model sees what';
