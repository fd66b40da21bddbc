-- One row a version of the detector that is calibrated, is champion or was: how its logits are read, in numbers and in
-- words. `standing_in`: what verdicts add where a former champion speaks.
-- A champion without a calibration is read plainly, and never says `fake`: nothing vouches for its false alarms.
CREATE OR REPLACE VIEW current_calibrations AS
WITH latest AS (
    SELECT * FROM calibrations WHERE model = 'detector'
    QUALIFY row_number() OVER (
        PARTITION BY model_version ORDER BY calibrations."at" DESC, calibration_id DESC
    ) = 1
), filled AS (
    SELECT model_version, coalesce(turn = 0, false) AS is_champion, standing_in, calibration_id,
           coalesce(aggregation, 'mean') AS aggregation, coalesce(temperature, 1) AS temperature, alpha, fake_at,
           coalesce(suspicious_at, 0.5) AS suspicious_at, authentic, fake, refused, latest."at"
    FROM latest FULL JOIN champions USING (model_version)
)
SELECT *,
       CASE WHEN calibration_id IS NULL THEN 'the model has no calibration'
            ELSE format('p_fake is below {:.3f}', suspicious_at) END AS why_authentic,
       CASE WHEN calibration_id IS NULL THEN 'the model has no calibration'
            WHEN fake_at IS NULL THEN 'no video is called fake: ' || coalesce(refused, 'the guarantee was refused')
            ELSE format('p_fake is at least {:.3f}, and below the {:.3f} from which a video is called fake',
                        suspicious_at, fake_at) END AS why_suspicious,
       format('p_fake is at least {:.3f}', fake_at)
           || coalesce(format(': chosen so that at most {:.2f} % of authentic videos are called fake', 100 * alpha), '')
           AS why_fake
FROM filled;
COMMENT ON VIEW current_calibrations IS 'Per version of the detector: how its logits are read now';
