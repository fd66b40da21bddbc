-- Per part of a face: how far the champion's logit falls when the part is replaced. Above 0 it speaks for fake.
CREATE OR REPLACE VIEW part_evidence AS
WITH latest AS (
    SELECT p.* FROM part_scores AS p JOIN champion USING (model, model_version)
    QUALIFY row_number() OVER (
        PARTITION BY p.video_id, p.track_id, p.part ORDER BY p."at" DESC, p.recipe_id, p.run_id
    ) = 1
), places AS (
    SELECT video_id, arg_max(name, seen_at) AS name FROM sources GROUP BY video_id
)
SELECT video_id, places.name, latest.track_id, latest.part, latest."drop"
FROM latest LEFT JOIN places USING (video_id);
COMMENT ON VIEW part_evidence IS 'Per part of a face: the fall of the champion''s logit when it is replaced';
