"""Gaming, tried out: what an attack does to our metrics, and what it does to a leaderboard."""
