-- One row a video that people have decided, themselves or by a video of nearly the same footage: what they said.
-- A word on the very video counts first; of near matches one that is not `unsure`, then the nearest, then the latest.
CREATE OR REPLACE VIEW decisions AS
WITH own AS (
    SELECT video_id, label, labelled_by, labelled_at FROM labels WHERE origin = 'moderator'
    QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY labelled_at DESC NULLS LAST, label, labelled_by) = 1
), pairs AS (
    SELECT video_id, match_id, bits FROM near_matches UNION SELECT match_id, video_id, bits FROM near_matches
), borrowed AS (
    SELECT pairs.video_id, own.label, own.labelled_by, pairs.match_id
    FROM pairs JOIN own ON own.video_id = pairs.match_id
    WHERE pairs.video_id NOT IN (SELECT video_id FROM own)
    QUALIFY row_number() OVER (
        PARTITION BY pairs.video_id
        ORDER BY own.label = 'unsure', pairs.bits NULLS LAST, own.labelled_at DESC NULLS LAST, pairs.match_id
    ) = 1
)
SELECT video_id, label AS decided, labelled_by AS decided_by, video_id AS decided_on FROM own
UNION ALL
FROM borrowed;
COMMENT ON VIEW decisions IS 'What people decided on a video, or on nearly the same footage';
