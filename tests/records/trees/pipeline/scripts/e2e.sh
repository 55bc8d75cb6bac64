#!/bin/sh -e
mode=${1:-slow}
case $mode in
  fast) npx playwright test ;;
  *) npx cypress run ;;
esac
cd ../ops
docker compose up -d
