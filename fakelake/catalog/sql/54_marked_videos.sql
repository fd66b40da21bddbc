-- Videos with a face whose marks say that they were made: by us, or, as others' credentials declare, by somebody.
CREATE OR REPLACE VIEW marked_videos AS
SELECT video_id, recipe_id, dataset, provenance FROM videos
WHERE status <> 'no_face' AND band_by_marks(provenance) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY ingested_at DESC NULLS LAST, recipe_id) = 1;
COMMENT ON VIEW marked_videos IS 'Videos with a face whose marks say that they were made';
