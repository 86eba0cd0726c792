#!/bin/sh
# A PostgreSQL server for studies, in a container. Then, on every machine:
#     export ARCHSEARCH_STORAGE=postgresql+psycopg://archsearch:PASSWORD@THIS_HOST:5432/archsearch
# Every worker has a connection or two: for more than about 40 workers raise max_connections, as here.
set -eu
: "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD to the password that the server is to have}"
docker volume create archsearch-studies
docker run --detach --name archsearch-postgres --restart unless-stopped --publish 5432:5432 \
  --env POSTGRES_USER=archsearch --env POSTGRES_DB=archsearch --env POSTGRES_PASSWORD \
  --volume archsearch-studies:/var/lib/postgresql/data postgres:16 -c max_connections=500
