// Migrations are imported as text, so that a compiled binary carries them.
declare module '*.sql' {
  const sql: string
  export default sql
}
