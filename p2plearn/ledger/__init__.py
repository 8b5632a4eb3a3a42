"""Who really helps: records become edges from the person helped to the helper. Pure; knows only `learning` and `protocol`."""
