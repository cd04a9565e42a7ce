/** Runs them inside a page. */
import './vectors.test.ts'
