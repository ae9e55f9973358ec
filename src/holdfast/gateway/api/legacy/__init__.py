"""Routes that the existing platform's tools and samples call, in the shapes that they read."""
