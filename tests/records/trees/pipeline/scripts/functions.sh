run_tests() { npx playwright test; }
prepare() { npx prisma migrate deploy; }
