create extension "uuid-ossp" with version '1.1';
ALTER TABLE items ADD COLUMN name text;
