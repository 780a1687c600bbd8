"""The pipeline that takes a job from the promise to the song; it knows neither Discord nor HTTP."""
