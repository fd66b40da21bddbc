-- Per part of a face: how far the logit of the version that speaks for the video falls when the part is blurred. Above
-- 0 it speaks for fake.
-- The latest measurement of a face counts, whole: another generator has other parts, which are not to be mixed.
CREATE OR REPLACE VIEW part_evidence AS
WITH latest AS (
    SELECT p.* FROM (
        FROM part_scores SEMI JOIN champion USING (model, model_version)
        UNION ALL
        SELECT part_scores.* FROM part_scores JOIN stand_ins USING (video_id, model, model_version)
    ) AS p
    QUALIFY rank() OVER (
        PARTITION BY p.video_id, p.track_id ORDER BY p."at" DESC, p.recipe_id, p.run_id, p.generator_version
    ) = 1
), parts AS (
    SELECT video_id, track_id, part, avg("drop") AS "drop", max("drop") AS largest_drop,
           arg_max(start_s, ("drop", -start_s)) AS largest_second, avg(area) AS area, count(*) AS windows,
           any_value(generator_version) AS generator_version
    FROM latest GROUP BY video_id, track_id, part
), places AS (
    SELECT video_id, arg_max(name, seen_at) AS name FROM sources SEMI JOIN parts USING (video_id) GROUP BY video_id
)
SELECT video_id, places.name, parts.* EXCLUDE (video_id)
FROM parts LEFT JOIN places USING (video_id);
COMMENT ON VIEW part_evidence IS
    'Per part of a face: the fall of the verdict''s logit when it is blurred, mean and largest over the windows';
