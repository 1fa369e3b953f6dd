// page-files.ts serves the chart library under this name, as a module.
import uPlot from "uplot";
export default uPlot;
