-- One row a version of the detector that is or was champion, with its turn to speak for a video: 0 is the champion;
-- then those that it came after, the latest first, for videos that it has not scored yet; last those that were rolled
-- back: one that was champion before them has become it again. That had a reason, so they speak only where nobody else
-- has: without them a video that they called fake would leave the review queue unseen.
CREATE OR REPLACE VIEW champions AS
WITH reigns AS (
    SELECT model_version, min(promotions."at") AS first, max(promotions."at") AS latest FROM promotions
    WHERE model = 'detector' AND outcome = 'promoted' GROUP BY model_version
), judged AS (
    SELECT model_version, latest, first_value(model_version) OVER (ORDER BY latest DESC, model_version DESC) AS champion,
           coalesce(latest < max(latest) OVER (
               ORDER BY first, model_version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ), false) AS taken_back
    FROM reigns
), ordered AS (
    SELECT *, row_number() OVER (ORDER BY taken_back, latest DESC, model_version DESC) - 1 AS turn FROM judged
)
SELECT 'detector' AS model, model_version, turn,
       CASE turn WHEN 0 THEN '' ELSE format(
           ' (by version {}, {}; version {} has not scored it yet)', model_version,
           CASE WHEN taken_back THEN 'which was rolled back' WHEN turn = 1 THEN 'the champion before'
                ELSE 'an earlier champion' END, champion
       ) END AS standing_in
FROM ordered;
COMMENT ON VIEW champions IS 'Versions of the detector that are or were champion, and whose turn it is to speak';
