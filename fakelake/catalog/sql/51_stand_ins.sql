-- Videos with a face that the champion has not scored under any recipe, and a former one has: whose turn it is. After a
-- promotion these are all, until the lake is scored again. Where there is no former champion, hardly anything is read;
-- where the champion has scored everything, what others said is not. EXCEPT and not ANTI JOIN, so that a condition on
-- video_id reaches both sides.
CREATE OR REPLACE VIEW stand_ins AS
SELECT video_id, model, arg_min(model_version, turn) AS model_version
FROM scores JOIN (FROM champions WHERE turn > 0) AS former USING (model, model_version)
JOIN (
    SELECT video_id FROM videos WHERE status <> 'no_face' AND EXISTS (FROM champions WHERE turn > 0)
    EXCEPT
    SELECT video_id FROM scores JOIN champion USING (model, model_version)
) AS waiting USING (video_id)
GROUP BY video_id, model;
COMMENT ON VIEW stand_ins IS 'Videos that wait for the champion: the former one that speaks for them meanwhile';
