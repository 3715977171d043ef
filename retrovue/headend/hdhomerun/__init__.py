"""The station as an HDHomeRun tuner: discovery and control on port 65001, the API and video over HTTP."""
