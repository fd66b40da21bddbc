-- Per version of the detector: how much it scored, and how often it agrees with the labels that stand, at p_fake = 0.5.
-- tp: fake called fake; fp: real called fake; tn: real called real; fn: fake called real. `unsure` counts nowhere.
CREATE OR REPLACE VIEW model_comparison AS
WITH latest AS (
    SELECT model_version, video_id, p_fake, is_champion, scored_at FROM video_scores
    SEMI JOIN videos USING (video_id) WHERE p_fake IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY model_version, video_id ORDER BY scored_at DESC, recipe_id) = 1
), judged AS (
    SELECT s.*, l.label, s.p_fake >= 0.5 AS says_fake
    FROM latest AS s LEFT JOIN (FROM current_labels WHERE label IN ('fake', 'real')) AS l USING (video_id)
), counted AS (
    SELECT model_version, bool_or(is_champion) AS is_champion, count(*) AS videos, avg(p_fake) AS mean_p_fake,
           count(label) AS labelled,
           count(*) FILTER (says_fake AND label = 'fake') AS tp, count(*) FILTER (says_fake AND label = 'real') AS fp,
           count(*) FILTER (NOT says_fake AND label = 'real') AS tn,
           count(*) FILTER (NOT says_fake AND label = 'fake') AS fn,
           min(scored_at) AS first_scored_at, max(scored_at) AS scored_at
    FROM judged GROUP BY model_version
)
SELECT 'detector' AS model, model_version, is_champion, videos, mean_p_fake, labelled,
       (tp + tn) / nullif(labelled, 0) AS accuracy, tp, fp, tn, fn, first_scored_at, scored_at
FROM counted;
COMMENT ON VIEW model_comparison IS 'Per version of the detector: videos scored, and agreement with the labels that stand';
