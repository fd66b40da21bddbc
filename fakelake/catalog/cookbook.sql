-- Questions that moderators ask of the catalog. Put your own names in the place of 'interview.mp4'.

-- name: What came in, day by day?
SELECT ingested_at::DATE AS day, status, count(*) AS videos, round(sum(duration_s) / 3600, 1) AS hours
FROM videos GROUP BY ALL ORDER BY day DESC, status LIMIT 30;

-- name: How far is each data set?
SELECT * FROM coverage ORDER BY dataset;

-- name: What could not be used, and what helps?
SELECT stage, error, count(*) AS files, any_value(remedy) AS remedy
FROM open_quarantine GROUP BY ALL ORDER BY files DESC;

-- name: Which videos show no face, and why?
SELECT s.name, round(v.duration_s, 1) AS seconds, v.reason
FROM videos AS v JOIN sources AS s USING (video_id)
WHERE v.status = 'no_face' ORDER BY ALL LIMIT 50;

-- name: Where is the file whose name I half remember?
SELECT s.name, v.status, v.tracks, left(v.video_id, 12) AS video, s.uri
FROM sources AS s JOIN videos AS v USING (video_id)
WHERE s.name ILIKE '%interview%' ORDER BY ALL LIMIT 50;

-- name: Who is in this video, and when?
SELECT track_id, count(*) AS rows, round(min(pts_s), 2) AS from_s, round(max(pts_s), 2) AS to_s,
       round(median(x2 - x1)) AS face_px, round(avg(det_score), 2) AS score, round(median(sharpness)) AS sharpness
FROM frames WHERE video_id = (SELECT any_value(video_id) FROM sources WHERE name = 'interview.mp4')
GROUP BY track_id ORDER BY track_id;

-- name: Which faces are there in its last second?
SELECT track_id, frame, round(pts_s, 2) AS second, round(x2 - x1) AS face_px, detected
FROM frames WHERE video_id = (SELECT any_value(video_id) FROM sources WHERE name = 'interview.mp4')
QUALIFY pts_s > max(pts_s) OVER () - 1 ORDER BY frame, track_id;

-- name: Where are the largest faces?
SELECT (SELECT any_value(name) FROM sources WHERE video_id = f.video_id) AS name,
       track_id, frame, round(pts_s, 2) AS second, round(x2 - x1) AS face_px
FROM (FROM frames ORDER BY x2 - x1 DESC LIMIT 20) AS f ORDER BY face_px DESC;

-- name: Which pictures are the blurriest?
SELECT (SELECT any_value(name) FROM sources WHERE video_id = f.video_id) AS name,
       track_id, frame, round(pts_s, 2) AS second, round(sharpness, 1) AS sharpness
FROM (FROM frames ORDER BY sharpness LIMIT 20) AS f ORDER BY f.sharpness;

-- name: On which videos do the lists and the moderators disagree?
SELECT any_value(s.name) AS name, l.said, c.label AS stands, c.labelled_by
FROM (
    SELECT video_id, string_agg(DISTINCT label || ' (' || labelled_by || ')', ', ') AS said
    FROM labels GROUP BY video_id HAVING count(DISTINCT label) > 1
) AS l JOIN current_labels AS c USING (video_id) LEFT JOIN sources AS s USING (video_id)
GROUP BY l.said, c.label, c.labelled_by, l.video_id ORDER BY name LIMIT 50;

-- name: Which videos lie in several places?
SELECT name, uri, left(video_id, 12) AS video
FROM sources SEMI JOIN (SELECT video_id FROM sources GROUP BY video_id HAVING count(*) > 1) USING (video_id)
ORDER BY video_id, uri LIMIT 50;

-- name: Which videos are fake, how sure, and when is the worst second?
SELECT name, band, round(p_fake, 3) AS p_fake, worst_track, round(worst_second, 1) AS worst_second, reason
FROM verdicts WHERE band IN ('fake', 'suspicious') ORDER BY verdicts.p_fake DESC, video_id LIMIT 50;

-- name: What waits for a person?
SELECT rank, name, band, round(p_fake, 3) AS p_fake, round(worst_second, 1) AS worst_second,
       decided AS like_it_decided, decided_by
FROM review_queue LIMIT 50;

-- name: How many videos are in each band, and how many has no one decided?
SELECT band, count(*) AS videos, count(*) FILTER (decided IS NULL) AS undecided, round(avg(p_fake), 3) AS mean_p_fake
FROM verdicts GROUP BY band ORDER BY videos DESC;

-- name: Where in this video does it look fake?
SELECT track_id, round(start_s, 1) AS from_s, round(end_s, 1) AS to_s, round(p_fake, 3) AS p_fake
FROM timeline WHERE video_id = (SELECT any_value(video_id) FROM sources WHERE name = 'interview.mp4')
ORDER BY track_id, from_s;

-- name: What did earlier models say of this video?
SELECT model_version, recipe_id, round(p_fake, 3) AS p_fake, round(worst_second, 1) AS worst_second, scored_at
FROM score_history WHERE video_id = (SELECT any_value(video_id) FROM sources WHERE name = 'interview.mp4')
ORDER BY scored_at DESC;

-- name: Where do model and people disagree?
SELECT name, decided, decided_by, band, round(p_fake, 3) AS p_fake, round(worst_second, 1) AS worst_second
FROM verdicts
WHERE decided_on = video_id AND (decided = 'fake' AND band = 'authentic' OR decided = 'real' AND band IN ('fake', 'suspicious'))
ORDER BY abs(verdicts.p_fake - (decided = 'fake')::INTEGER) DESC, video_id LIMIT 50;

-- name: How do the versions of the model compare?
SELECT model_version, is_champion, videos, labelled, round(accuracy, 3) AS accuracy, tp, fp, tn, fn
FROM model_comparison ORDER BY scored_at DESC, model_version;

-- name: Which parts of a face give it away?
SELECT name, track_id, part, round("drop", 2) AS drop_of_the_logit, round(largest_second, 1) AS most_at_second,
       round(area, 2) AS share_of_the_picture
FROM part_evidence WHERE part <> 'rest' ORDER BY part_evidence."drop" DESC LIMIT 50;

-- name: Has what comes in drifted from what the model was trained beside?
SELECT measure, drifted, reason, round(psi, 2) AS psi, round(ks, 2) AS ks, recent_n AS videos, since::DATE AS since
FROM current_drift ORDER BY drifted DESC NULLS LAST, current_drift.psi DESC;
