"""The types of all fields that are known of Assembled's records, table by table.

Declared, so that no type depends on which record comes first. Times are seconds since 1970 everywhere but in a report's
own `created_at`, which belongs to the job and is no field of its rows. Figures may be fractions wherever the vendor's
own client has integers.
"""

from __future__ import annotations

from extractor.vendors._columns import columns

PERSON = columns(
    text="""id agent_id first_name last_name email timezone imported_id role agent_role site roles[] channels[] teams[]
        queues[] skills[]""",
    double="productivity",
    bool="deleted staffable",
    unix="start_date end_date created_at",
    # Its keys are the names of the customer's own platforms.
    json="platforms",
)
GROUP = columns(text="id name parent_id", unix="created_at updated_at")
"""Teams, sites, queues and skills."""
ROLE = columns(text="id name")
ACTIVITY_TYPE = columns(
    text="id import_id name short_name value background_color font_color timeoff_unit channels[] queue_external_ids[]",
    bool="productive timeoff",
)
REQUIREMENT_TYPE = columns(text="id name channel queue activity_type_ids[]")
ACTIVITY = columns(
    text="id id_with_timestamps agent_id type_id description", unix="start_time end_time created_at updated_at"
)
AGENT_STATE = columns(
    text="agent_id agent_name agent_email platform agent_platform_id state external_id ticket_id ticket_status",
    unix="start_time end_time modified_at",
)
EVENT_CHANGE = columns(
    text="""id event_id modified_by.id modified_by.name modified_by.email event_agent_id event_agent_name
        event_agent_email event_change_type description old_event_type new_event_type template_id
        google_calendar_event_id channels[]""",
    unix="modified_at old_start_time new_start_time old_end_time new_end_time",
)
REQUIREMENT = columns(text="requirement_type_id", double="required scheduled", unix="start_time end_time")
FORECAST = columns(text="channel queue", double="value", unix="start_time end_time")
FORECAST_TOTAL = columns(text="id channel queue value_type", double="value", unix="start_time end_time")
COMPARED = (
    *("staffing_required", "cases_answered", "cases_opened", "cases_reopened", "cases_solved", "contacts_abandoned"),
    *("contacts_received", "first_response_time", "handle_time", "messages_received", "occupancy", "productivity"),
    *("reassigned_away", "transferred_away", "service_level", "service_level_met", "service_level_missed"),
)
"""Figures of which there is a forecast and what came."""
FORECASTED_VS_ACTUAL = columns(
    text="channel queue",
    double="staffing_scheduled staffing_net " + " ".join(f"{figure}.forecasted {figure}.actual" for figure in COMPARED),
    unix="start_time end_time",
)
TIME_OFF_REQUEST = columns(
    text="id agent_id description status activity_type_id", unix="start_time end_time created_at"
)
TIME_OFF_UPDATE = columns(text="id time_off_request_id type comment", unix="created_at")
METRIC = columns(text="name agent_id type", double="value", unix="start_time end_time")
CONVERSATION = columns(
    text="""id user_id status platform platform_id conversation_type copilot_action_type customer_tier issue_complexity
        routing_destination.id routing_destination.name transferred_case.id transferred_case.platform agent.content
        agent.platform agent.platform_id evaluation.custom_feedback messages[].id messages[].role
        messages[].content.type messages[].content.text messages[].content.url messages[].platform_id
        messages[].user_platform_id messages[].sources_used[].platform messages[].sources_used[].title
        messages[].sources_used[].url""",
    double="evaluation.semantic_similarity evaluation.trigram_similarity",
    bool="requires_escalation",
    unix="created_at updated_at messages[].created_at",
)
HANDOFF = columns(text="conversation_id language transcript")
