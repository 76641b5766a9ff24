"""Values and graphs: what every wing stands on."""
