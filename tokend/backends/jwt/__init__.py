"""The kind `jwt`: any JSON Web Token, from a template in the configuration."""
