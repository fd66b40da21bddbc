-- The windows from which verdicts are made: the champion's and, of videos that it has not scored yet, those of the
-- former champion that stands in. The nameless video spares the scan where there are none such: a join with nothing
-- begins to read before it ends, one with what no file has ends at the files' statistics.
CREATE OR REPLACE VIEW verdict_windows AS
FROM scores SEMI JOIN champion USING (model, model_version)
UNION ALL
SELECT scores.*
FROM scores JOIN (FROM stand_ins UNION ALL SELECT '', 'detector', '') AS s USING (video_id, model, model_version);
COMMENT ON VIEW verdict_windows IS 'The scores that make verdicts: the champion''s, meanwhile those of former ones';
