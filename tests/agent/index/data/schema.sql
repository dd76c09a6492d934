-- People who sign in.
CREATE TABLE IF NOT EXISTS app.users (
    id BIGINT PRIMARY KEY,
    email TEXT NOT NULL,
    org_id BIGINT REFERENCES orgs (id)
);

CREATE UNIQUE INDEX users_email ON users (email);

CREATE OR REPLACE VIEW active_users AS
SELECT id, email FROM users WHERE org_id IS NOT NULL;

CREATE FUNCTION user_count(org BIGINT) RETURNS BIGINT AS $$
BEGIN
    RETURN (SELECT count(*) FROM users WHERE org_id = org);
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER users_audit BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION audit();

CREATE TYPE mood AS ENUM ('good', 'bad');
