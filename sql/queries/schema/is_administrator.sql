-- name: schema/is_administrator: whether a user is in the group that Cloud SQL puts all new users in
SELECT EXISTS (
    SELECT 1
    FROM pg_auth_members AS memberships
    JOIN pg_roles AS administrators ON administrators.oid = memberships.roleid
    JOIN pg_roles AS users ON users.oid = memberships.member
    WHERE administrators.rolname = 'cloudsqlsuperuser'
        AND users.rolname = $1
) AS is_administrator
