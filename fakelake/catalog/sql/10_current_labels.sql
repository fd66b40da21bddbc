-- One row a video that has labels: the latest one, a person's above a generator's above a list's.
CREATE OR REPLACE VIEW current_labels AS
SELECT * EXCLUDE (precedence)
FROM (
    SELECT *, CASE origin WHEN 'moderator' THEN 2 WHEN 'generator' THEN 1 ELSE 0 END AS precedence
    FROM labels
)
QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY precedence DESC, labelled_at DESC NULLS LAST, label, labelled_by) = 1;
COMMENT ON VIEW current_labels IS 'One row a labelled video: the latest label, a moderator''s above a list''s';
