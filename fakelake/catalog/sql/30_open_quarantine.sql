-- What still waits for someone: the latest word on each file and recipe, unless the file has been ingested since.
-- A file of which some frames were kept stays here until other bytes are seen in its place; a video whose scoring
-- failed, until it has been scored.
CREATE OR REPLACE VIEW open_quarantine AS
WITH latest AS (
    SELECT *, coalesce(stage = 'score', false) AS scoring FROM quarantine
    QUALIFY row_number() OVER (
        PARTITION BY uri, recipe_id, scoring ORDER BY quarantine."at" DESC NULLS LAST, stage, error, message
    ) = 1
), done AS (
    SELECT uri, recipe_id, video_id, max(greatest(seen_at, ingested_at)) AS done_at
    FROM (FROM sources SEMI JOIN latest USING (uri)) JOIN (SELECT video_id, recipe_id, ingested_at FROM videos) USING (video_id)
    GROUP BY ALL
), scored AS (
    SELECT video_id, recipe_id, max(scored_at) AS done_at
    FROM scores SEMI JOIN (FROM latest WHERE scoring) USING (video_id) GROUP BY ALL
)
SELECT q.* EXCLUDE (scoring), coalesce(q.frames_kept, 0) > 0 AS partial
FROM latest AS q
WHERE CASE WHEN scoring THEN NOT EXISTS (
    FROM scored WHERE scored.video_id = q.video_id AND scored.recipe_id = q.recipe_id AND scored.done_at >= q."at"
) ELSE NOT EXISTS (
    FROM done WHERE done.uri = q.uri AND done.recipe_id IS NOT DISTINCT FROM q.recipe_id AND done.done_at >= q."at"
                AND (coalesce(q.frames_kept, 0) = 0 OR done.video_id IS DISTINCT FROM q.video_id)
)
AND (coalesce(q.frames_kept, 0) > 0 OR q.video_id IS NULL OR NOT EXISTS (
    FROM videos WHERE videos.video_id = q.video_id AND videos.recipe_id IS NOT DISTINCT FROM q.recipe_id
)) END;
COMMENT ON VIEW open_quarantine IS 'Files that still need someone, with the reason and the remedy';
