"""What decides calls, in memory: who a credential stands for, and what an extension's name stands for. Used while nothing has changed."""
