-- For videos that may have been ingested under several recipes: the one that was scored latest counts, by the champion
-- or else by whoever stands in for it. All others, in most lakes all, are left out: they need no sorting.
CREATE OR REPLACE VIEW champion_recipes AS
SELECT DISTINCT ON (video_id) video_id, recipe_id
FROM scores JOIN champions USING (model, model_version)
WHERE video_id IN (SELECT video_id FROM videos WHERE recipe_id <> (SELECT max(recipe_id) FROM videos))
ORDER BY video_id, turn, scored_at DESC, recipe_id;
COMMENT ON VIEW champion_recipes IS 'Of videos with several recipes: the recipe whose scores count';
