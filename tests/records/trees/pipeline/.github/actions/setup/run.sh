#!/usr/bin/env bash
case "$1" in
  high) npx cypress run ;;
  low) npx prisma migrate deploy ;;
esac
