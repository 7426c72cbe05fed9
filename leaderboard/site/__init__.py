"""The static leaderboard site: page, plots, tables and the JSON feed."""
