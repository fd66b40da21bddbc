-- One row a measure: the latest comparison of what comes in with what the champion was trained beside. No row after a
-- new champion until it is compared: what held against an earlier training says nothing of this one.
CREATE OR REPLACE VIEW current_drift AS
SELECT * FROM drift SEMI JOIN champion USING (model_version)
QUALIFY row_number() OVER (PARTITION BY measure ORDER BY drift."at" DESC, run_id) = 1;
COMMENT ON VIEW current_drift IS 'Per measure: whether what comes in has drifted from what the champion was trained beside';
