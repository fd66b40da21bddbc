-- One row a video, however many recipes and places it has: its latest ingest, a file name for people, its label.
CREATE OR REPLACE VIEW video_label AS
WITH latest AS (
    SELECT video_id, recipe_id, dataset, status, reason, duration_s, frames_with_face, tracks FROM videos
    QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY ingested_at DESC NULLS LAST, recipe_id) = 1
), place AS (
    SELECT video_id, name, uri FROM sources
    QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY seen_at DESC NULLS LAST, uri) = 1
)
SELECT v.video_id, place.name, l.label, l.method, l.origin, l.labelled_by, l.labelled_at, l.target_identity, l.source_identity,
       v.dataset, v.status, v.reason, v.duration_s, v.frames_with_face, v.tracks, v.recipe_id, place.uri
FROM latest AS v LEFT JOIN place USING (video_id) LEFT JOIN current_labels AS l USING (video_id);
COMMENT ON VIEW video_label IS 'One row a video with its current label (null: none yet)';
