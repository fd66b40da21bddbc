-- The version of the detector that speaks for the lake: the latest one that was promoted. No row before the first.
CREATE OR REPLACE VIEW champion AS
SELECT model, model_version, promotions."at" FROM promotions
WHERE model = 'detector' AND outcome = 'promoted'
ORDER BY promotions."at" DESC, model_version DESC LIMIT 1;
COMMENT ON VIEW champion IS 'The detector''s version that speaks for the lake';
