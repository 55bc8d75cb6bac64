set -u
npx cypress run
