-- How far the archive is processed, a row a data set.
CREATE OR REPLACE VIEW coverage AS
WITH per_video AS (
    SELECT dataset, video_id, bool_or(status = 'ready') AS ready, sum(duration_s) / count(*) AS duration_s,
           max(frames_with_face) AS frames_with_face
    FROM videos GROUP BY dataset, video_id
), ingested AS (
    SELECT dataset, count(*) AS videos, count(*) FILTER (ready) AS ready, count(*) FILTER (NOT ready) AS no_face,
           sum(duration_s) / 3600 AS hours, sum(frames_with_face)::BIGINT AS frames_with_face
    FROM per_video GROUP BY dataset
), waiting AS (
    SELECT dataset, count(DISTINCT uri) AS quarantined FROM open_quarantine GROUP BY dataset
)
SELECT coalesce(i.dataset, w.dataset) AS dataset, coalesce(videos, 0) AS videos, coalesce(ready, 0) AS ready,
       coalesce(no_face, 0) AS no_face, coalesce(quarantined, 0) AS quarantined,
       coalesce(hours, 0) AS hours, coalesce(frames_with_face, 0) AS frames_with_face
FROM ingested AS i FULL JOIN waiting AS w ON i.dataset IS NOT DISTINCT FROM w.dataset;
COMMENT ON VIEW coverage IS 'Per data set: videos, how many are ready, without a face, in quarantine';
