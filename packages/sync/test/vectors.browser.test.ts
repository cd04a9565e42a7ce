/** Runs them inside a page. */
// oxlint-disable-next-line import/no-unassigned-import -- it registers its tests
import './vectors.test.ts'
