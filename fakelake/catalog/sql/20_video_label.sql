-- One row a video, however many recipes and places it has: its latest ingest, a file name for people, its label.
CREATE OR REPLACE VIEW video_label AS
WITH latest AS (
    SELECT video_id, max_by(struct_pack(recipe_id, dataset, status, reason, duration_s, frames_with_face, tracks), ingested_at) AS v
    FROM videos GROUP BY video_id
), place AS (
    SELECT video_id, max_by(name, seen_at) AS name, max_by(uri, seen_at) AS uri FROM sources GROUP BY video_id
)
SELECT latest.video_id, place.name, l.label, l.method, l.origin, l.labelled_by, l.labelled_at, l.target_identity, l.source_identity,
       v.dataset, v.status, v.reason, v.duration_s, v.frames_with_face, v.tracks, v.recipe_id, place.uri
FROM latest LEFT JOIN place USING (video_id) LEFT JOIN current_labels AS l USING (video_id);
COMMENT ON VIEW video_label IS 'One row a video with its current label (null: none yet)';
