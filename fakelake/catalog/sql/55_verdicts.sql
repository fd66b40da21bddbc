-- One row a video: what the champion makes of it now, in a band and in words; until it has scored a video, what the
-- former champion made of it, read by that one's own calibration. Computed from `scores` whenever it is asked, so a new
-- calibration, a new champion or a person's decision shows at once.
-- Of several recipes the latest scored counts. Not here: videos that are ready and that no champion has scored, unless
-- marks speak for themselves.
-- What marks say of a video's making (band_by_marks) beats its score; p_fake stays as scored.
-- No part is referred to twice, so that a condition on video_id reaches every scan.
CREATE OR REPLACE VIEW verdicts AS
WITH scored AS (
    SELECT s.*, v.dataset, v.provenance, v.reason AS broken
    FROM video_scores_of('verdict_windows') AS s
    JOIN (SELECT video_id, recipe_id, dataset, provenance,
                 coalesce(reason, looked_only(frames_read, frames, duration_s)) AS reason
          FROM videos WHERE status <> 'no_face') AS v USING (video_id, recipe_id)
    LEFT JOIN (SELECT video_id, recipe_id AS latest FROM champion_recipes) USING (video_id)
    WHERE coalesce(latest, recipe_id) = recipe_id
), banded AS (
    SELECT s.*, k.* EXCLUDE (model_version, is_champion),
           CASE WHEN s.windows = 0 THEN 'not_applicable'
                WHEN s.p_fake IS NULL THEN 'failed'
                WHEN s.p_fake >= k.fake_at THEN 'fake'
                WHEN s.p_fake >= k.suspicious_at THEN 'suspicious'
                ELSE 'authentic' END AS band
    FROM scored AS s JOIN current_calibrations AS k USING (model_version)
), faceless AS (
    SELECT video_id, recipe_id, dataset, provenance, coalesce(reason, 'no face') ||
           CASE WHEN contains(reason, 'broken') THEN '' ELSE coalesce('; ' || looked_only(frames_read, frames, duration_s), '')
           END AS reason
    FROM videos WHERE status = 'no_face'
    QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY ingested_at DESC NULLS LAST, recipe_id) = 1
), trouble AS (
    SELECT video_id, uri, dataset, message, error, recipe_id, stage FROM open_quarantine
    WHERE video_id IS NOT NULL AND error <> 'forgotten'
    QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY open_quarantine."at" DESC NULLS LAST, uri) = 1
), unscored AS (
    SELECT * FROM (
        SELECT video_id, NULL AS file, dataset, 'not_applicable' AS band, 'not scored yet' AS reason, recipe_id, provenance
        FROM marked_videos
        UNION ALL
        -- A name may be any bytes; what is not UTF-8 stays encoded.
        SELECT video_id, coalesce(try(url_decode(parse_filename(uri))), parse_filename(uri)), dataset, 'failed',
               coalesce(message, error), recipe_id, NULL
        FROM trouble AS t
        WHERE stage = 'score' OR NOT EXISTS (FROM videos WHERE videos.video_id = t.video_id)
    ) ANTI JOIN (FROM scores JOIN champions USING (model, model_version)) USING (video_id)
    QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY provenance NULLS LAST) = 1
), everything AS (
    SELECT video_id, NULL AS file, dataset, p_fake, band,
           CASE band WHEN 'authentic' THEN why_authentic WHEN 'suspicious' THEN why_suspicious WHEN 'fake' THEN why_fake
                     WHEN 'not_applicable' THEN coalesce(reason, 'no window could be scored')
                     ELSE 'the calibration names no known aggregation: ' || aggregation END
               || standing_in || CASE WHEN broken IS NULL THEN '' ELSE '; ' || broken END AS reason,
           logit, worst_track, worst_second, windows, model_version, recipe_id, calibration_id, scored_at, provenance
    FROM banded
    UNION ALL
    SELECT video_id, NULL, dataset, NULL, 'not_applicable', reason, NULL, NULL, NULL, 0, NULL,
           recipe_id, NULL, NULL, provenance
    FROM faceless ANTI JOIN (SELECT video_id FROM videos WHERE status <> 'no_face') USING (video_id)
    UNION ALL
    SELECT video_id, file, dataset, NULL, band, reason, NULL, NULL, NULL, 0, NULL, recipe_id, NULL, NULL, provenance
    FROM unscored
), places AS (
    SELECT video_id, arg_max(name, seen_at) AS name FROM sources GROUP BY video_id
)
SELECT e.video_id, coalesce(p.name, e.file) AS name, e.dataset, e.p_fake,
       CASE WHEN e.marks IS NULL OR e.band = 'fake' THEN e.band ELSE e.marks END AS band,
       CASE WHEN e.marks IS NULL THEN e.reason ELSE e.provenance || '; ' || e.reason END AS reason, e.logit, e.worst_track,
       e.worst_second, e.windows, e.model_version, e.recipe_id, e.calibration_id, e.scored_at,
       d.decided, d.decided_by, d.decided_on, e.provenance
FROM (SELECT *, band_by_marks(provenance) AS marks FROM everything) AS e
LEFT JOIN places AS p USING (video_id) LEFT JOIN decisions AS d USING (video_id);
COMMENT ON VIEW verdicts IS 'One row a video: p_fake, band, reason, where it is worst, and what people decided';
