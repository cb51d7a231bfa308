"""The process of a search: it plans and follows trial jobs, keeps the record, reviews, reports."""
