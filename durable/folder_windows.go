package durable

// checkOwner: a user's profile, where temporary files are, is the user's alone.
func checkOwner(string) error { return nil }
