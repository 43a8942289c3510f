"""The routes: one file a resource. A route translates and delegates."""
