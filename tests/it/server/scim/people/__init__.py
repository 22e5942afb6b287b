"""The people and groups of the application that django-scim2 serves."""
