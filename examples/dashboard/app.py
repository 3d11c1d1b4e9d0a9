"""A dashboard of SageMaker's experiments and endpoints, over `sqlprov serve`.

Run `sqlprov serve --local` and then `streamlit run app.py`, or set SQLPROV_SERVER to the connection string of your own.
"""

import os

import pandas as pd
import psycopg
import streamlit as st

SERVER = os.environ.get("SQLPROV_SERVER", "host=127.0.0.1 port=5433 dbname=aws user=dashboard")
EXPERIMENTS = """
    SELECT name, region, status, creation_time FROM sagemaker.inference_experiments ORDER BY creation_time DESC
"""
ENDPOINTS = (
    "SELECT endpoint_name, region, endpoint_status, last_modified_time FROM sagemaker.endpoints ORDER BY ALL"
)


@st.cache_data(ttl="60s", show_spinner="Asking AWS …")
def read(query: str) -> pd.DataFrame:
    """The rows of a query; kept for a minute, so that moving a control makes no call."""
    with psycopg.connect(SERVER, autocommit=True) as server:
        cursor = server.execute(query)
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


st.set_page_config("SageMaker", layout="wide")
st.title("SageMaker")
experiments, endpoints = read(EXPERIMENTS), read(ENDPOINTS)

regions = sorted({*experiments["region"], *endpoints["region"]})
chosen = st.multiselect("Regions", regions, default=regions)
experiments = experiments[experiments["region"].isin(chosen)]
endpoints = endpoints[endpoints["region"].isin(chosen)]

running, failing, serving = st.columns(3)
running.metric("Running experiments", int((experiments["status"] == "Running").sum()))
failing.metric("Endpoints that do not serve", int((endpoints["endpoint_status"] != "InService").sum()))
serving.metric("Endpoints", len(endpoints))

left, right = st.columns(2)
left.subheader("Experiments by status")
left.bar_chart(
    experiments.groupby(["status", "region"]).size().rename("experiments").reset_index(),
    x="status",
    y="experiments",
    color="region",
)
right.subheader("Endpoints by status")
right.bar_chart(
    endpoints.groupby(["endpoint_status", "region"]).size().rename("endpoints").reset_index(),
    x="endpoint_status",
    y="endpoints",
    color="region",
)

st.subheader("Newest experiments")
st.dataframe(experiments.head(10), hide_index=True)
