"""The screens, one file each: see `Screen`. A file added here is a page, in the menu and in what is shipped."""
