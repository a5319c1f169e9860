//! A single sign-on gateway. See `docs/architecture.md` for the map.
