-- What waits for a person, the most urgent first: called fake or suspicious, and not yet decided itself. A decision on
-- nearly the same footage is shown, but does not take a video off the list: nobody has looked at this one.
CREATE OR REPLACE VIEW review_queue AS
SELECT row_number() OVER (ORDER BY band = 'fake' DESC, p_fake DESC, video_id) AS rank, *
FROM verdicts
WHERE band IN ('fake', 'suspicious') AND decided_on IS DISTINCT FROM video_id
ORDER BY rank;
COMMENT ON VIEW review_queue IS 'Verdicts that want a person, the most urgent first';
